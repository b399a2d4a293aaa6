# A Linux container for the digit server: Python, ONNX Runtime and FastAPI; PyTorch stays outside.
#
#   python -m course_lib.deploy.server --export digits.onnx
#   docker build -f book/server.Dockerfile -t digits .
#   docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD/digits.onnx:/digits.onnx:ro" digits
#
# The tests run the server with nothing but what is copied and installed here; they do not build the container.
FROM python:3.11-slim
COPY constraints.txt /
RUN pip install --no-cache-dir -c /constraints.txt fastapi numpy onnxruntime uvicorn
COPY course_lib/__init__.py course_lib/command_line.py course_lib/files.py /server/course_lib/
COPY course_lib/deploy/__init__.py course_lib/deploy/requests.py course_lib/deploy/server.py \
    /server/course_lib/deploy/
WORKDIR /server
USER nobody
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/ready')"]
ENTRYPOINT ["python", "-m", "course_lib.deploy.server", "--host", "0.0.0.0"]
CMD ["--model", "/digits.onnx"]
