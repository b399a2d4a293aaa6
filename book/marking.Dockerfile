# A Linux container to mark in, for instructors on macOS, Windows, or a Linux that refuses namespaces.
#
#   docker build -f book/marking.Dockerfile -t marking .
#   docker run --rm --cap-add SYS_ADMIN --security-opt apparmor=unconfined --security-opt seccomp=unconfined \
#     --security-opt systempaths=unconfined --network none -v "$PWD:/work" -w /work \
#     marking grade week3/instructor/assignment.json submissions marks
#
# SYS_ADMIN lets the marking make namespaces; students' code runs inside them without it, as a user of its own.
FROM python:3.11-slim
COPY requirements.txt constraints.txt pyproject.toml README.md LICENSE LICENSE-TEXT DATA_LICENSES.md /course/
COPY course_lib /course/course_lib
COPY course_exercises /course/course_exercises
COPY course_explorables /course/course_explorables
COPY course_classroom /course/course_classroom
COPY notebooks /course/notebooks
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
    -c /course/constraints.txt -e /course
ENTRYPOINT ["python", "-m", "course_classroom"]
