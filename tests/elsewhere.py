"""Run the notebooks and the library's tests as other processors would, in one table: `make test-elsewhere`.

    python tests/elsewhere.py [--rows oldest avx2 …] [--only notebooks|lib]

A library picks its kernels by the processor's instructions; each has a variable that makes it pick older
ones. ONNX Runtime has none: its int8 file is run again in whole numbers that saturate as an old one's do.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

import headroom  # noqa: E402

SUITES = {
    "notebooks": ["notebooks"],
    "lib": [f"tests/{name}" for name in ("lib", "exercises", "explorables", "studies", "benchmarks")],
}
ROWS = {
    # No vectors at all in ATen, SSE 4 in oneDNN and MKL: what differs most from a recent server.
    "oldest": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
    # A laptop, or a server without AVX-512 and VNNI.
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    # MKL's one path for every processor, its own as well as others'.
    "mkl-compatible": {"MKL_CBWR": "COMPATIBLE"},
    "two-threads": {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
}
NEAR = 0.5
"""A comparison that uses more of its tolerance than this may fail on the next processor: it is named."""


def run(name: str, suite: str, folder: Path) -> tuple[int, int, float, list[str]]:
    """One suite in one row's environment: passed, failed, seconds, and the names of the failed."""
    environment = {**os.environ, **ROWS[name], "HEADROOM": str(folder)}
    # Threads spin while they wait for one another: where there are more than cores, nothing gets done.
    workers = 1 if int(environment.get("OMP_NUM_THREADS", 1)) > 1 else 2
    parallel = ["-n", str(workers), "--dist", "loadscope"]
    command = [sys.executable, "-m", "pytest", "-q", *parallel, "-rfE", *SUITES[suite]]
    begin = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    counts = dict.fromkeys(("passed", "failed", "error"), 0)
    closing = next((line for line in reversed(done.stdout.splitlines()) if " in " in line), "")
    for count, kind in re.findall(r"(\d+) (passed|failed|error)", closing):
        counts[kind] = int(count)
    failures = re.findall(r"^(?:FAILED|ERROR) (.*)$", done.stdout, re.MULTILINE)
    if done.returncode and not failures:
        failures = [f"pytest ended with status {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"]
    return counts["passed"], counts["failed"] + counts["error"], seconds, failures


def main() -> int:
    """Run the rows asked for; the status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    rows = parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    rows.help = ", ".join(ROWS)
    parser.add_argument("--only", choices=SUITES, help="run one of the two suites")
    arguments = parser.parse_args()
    table, trouble, near = [], [], {}
    for name in arguments.rows:
        for suite in [arguments.only] if arguments.only else SUITES:
            with tempfile.TemporaryDirectory() as folder:
                passed, failed, seconds, failures = run(name, suite, Path(folder))
                shares = headroom.largest(Path(folder))
            table.append(f"{name:16}{suite:11}{passed:>7}{failed:>8}{seconds:>9.0f}")
            print(table[-1], flush=True)
            print(*[f"    {each}" for each in failures], sep="\n", end="\n" * bool(failures), flush=True)
            trouble += [f"{name}: {each}" for each in failures]
            for share, line in shares:
                if share > NEAR:
                    near[line] = max(near.get(line, (0.0, "")), (share, name))
    print("\n".join(["", *trouble]))
    if near:
        print(f"\nComparisons that use more than {NEAR:.0%} of their tolerance:")
        for line, (share, name) in sorted(near.items(), key=lambda each: -each[1][0]):
            print(f"  {share:6.1%}  {line}  ({name})")
    print("\n" + f"{'row':16}{'suite':11}{'passed':>7}{'failed':>8}{'seconds':>9}", *table, sep="\n")
    return int(bool(trouble))


if __name__ == "__main__":
    sys.exit(main())
