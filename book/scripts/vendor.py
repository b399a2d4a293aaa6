"""Copy what the book's pages load from npm into book/assets/vendor, with a manifest of hashes.

Readers never run this: the result is committed. To move to another version, change PACKAGES and run

    python book/scripts/vendor.py

which needs npm. `--check` verifies the committed files against the manifest and needs nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import lzma
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from course_lib.files import print_in_any_encoding

VENDOR = Path(__file__).resolve().parent.parent / "assets" / "vendor"
MANIFEST = VENDOR / "manifest.json"


@dataclass(frozen=True)
class Package:
    """One npm package: which of its files the book takes, under which folder of book/assets/vendor."""

    name: str
    version: str
    licence: str
    folder: str
    strip: str
    patterns: tuple[str, ...]
    packed: tuple[str, ...] = ()  # of these the book keeps an .xz, which the build unpacks
    licence_from: str | None = None  # a Python package of the same project, where npm's has no LICENSE
    licence_text_of: str | None = None  # or an installed distribution under the same licence, for its text
    bundle: tuple[str, ...] = ()  # npm packages, each with its version, that `entry` joins into one module
    entry: str = ""


PACKAGES = (
    # TeX in, HTML out, and the TeX extensions that MathJax loads on demand. The speech engine and the MathML
    # reader stay out: they would be 6 MB more, and the menu that asks for them is off in _config.yml.
    Package(
        "mathjax",
        "3.2.2",
        "Apache-2.0",
        "mathjax",
        "package/es5/",
        (
            "package/LICENSE",
            "package/es5/tex-chtml.js",
            "package/es5/output/chtml/fonts/woff-v2/*",
            "package/es5/input/tex/extensions/*.js",
        ),
    ),
    Package(
        "@fontsource-variable/source-serif-4",
        "5.3.1",
        "OFL-1.1",
        "source-serif-4",
        "package/files/",
        ("package/LICENSE", "package/files/source-serif-4-latin-wght-*.woff2"),
    ),
    # The second engine of the models in the pages: the build for WebAssembly alone, glue code included.
    Package(
        "onnxruntime-web",
        "1.30.0",
        "MIT",
        "onnxruntime",
        "package/dist/",
        ("package/dist/ort.wasm.bundle.min.mjs", "package/dist/ort-wasm-simd-threaded.wasm"),
        packed=("*.wasm",),
        licence_from="onnxruntime",
    ),
    # Python in the page, where exercises are answered: the interpreter and its standard library, no packages.
    Package(
        "pyodide",
        "314.0.7",
        "MPL-2.0, and PSF-2.0 for python_stdlib.zip",
        "pyodide",
        "package/",
        tuple(
            f"package/{name}"
            for name in (
                "pyodide.mjs",
                "pyodide.asm.mjs",
                "pyodide.asm.wasm",
                "python_stdlib.zip",
                "pyodide-lock.json",
            )
        ),
        packed=("*.wasm",),
        licence_text_of="fqdn",
    ),
    # The editor there: what it needs and no more, joined into one module.
    Package(
        "codemirror",
        "6.0.2",
        "MIT",
        "codemirror",
        "package/",
        ("package/LICENSE",),
        bundle=(
            "@codemirror/commands@6.11.1",
            "@codemirror/lang-python@6.2.1",
            "@codemirror/language@6.13.1",
            "@codemirror/state@6.7.6",
            "@codemirror/view@6.43.15",
            "@lezer/highlight@1.2.5",
            "esbuild@0.28.2",
        ),
        entry="""
            export { EditorState } from "@codemirror/state";
            export { EditorView, drawSelection, keymap } from "@codemirror/view";
            export { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
            export { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
            export { syntaxHighlighting } from "@codemirror/language";
            export { classHighlighter } from "@lezer/highlight";
            export { python } from "@codemirror/lang-python";
        """,
    ),
    # The chapters' decks of slides: stepping and the speaker's view, none of its themes.
    Package(
        "reveal.js",
        "5.2.1",
        "MIT",
        "reveal",
        "package/dist/",
        (
            "package/LICENSE",
            "package/dist/reset.css",
            "package/dist/reveal.css",
            "package/dist/reveal.js",
            "package/plugin/notes/notes.js",
        ),
    ),
)


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(package: Package, folder: Path) -> None:
    """Unpack the wanted files of `package` into `folder`, flat where the package nests them below `strip`."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
            cwd=scratch,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                if not member.isfile() or not any(fnmatch(member.name, p) for p in package.patterns):
                    continue
                target = folder / member.name.removeprefix(package.strip).removeprefix("package/")
                target.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None
                write(target, content.read(), any(fnmatch(target.name, p) for p in package.packed))
    if package.licence_from:
        spec = importlib.util.find_spec(package.licence_from)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(
                f"{package.name} takes its licence from {package.licence_from}: install it"
            )
        shutil.copy(Path(spec.origin).with_name("LICENSE"), folder / "LICENSE")
    if package.licence_text_of:
        files = importlib.metadata.files(package.licence_text_of) or []
        text = next(file for file in files if file.name == "LICENSE").read_text("utf-8")
        (folder / "LICENSE").write_text(text, "utf8")
    if package.bundle:
        join(package, folder)


def join(package: Package, folder: Path) -> None:
    """Install the parts of `package` in a scratch folder and join them into one module."""
    with tempfile.TemporaryDirectory() as scratch:
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", *package.bundle]
        subprocess.run(install, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        Path(scratch, "entry.js").write_text(package.entry, "utf8")
        target = f"--outfile={folder / package.folder}.mjs"
        bundle = ["npx", "esbuild", "entry.js", "--bundle", "--format=esm", "--minify", target]
        subprocess.run([*bundle, "--log-level=error"], cwd=scratch, check=True)


def write(target: Path, content: bytes, packed: bool) -> None:
    """Write a file, or the .xz of it."""
    if packed:
        small = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
        target.with_name(f"{target.name}.xz").write_bytes(small)
    else:
        target.write_bytes(content)


def describe() -> dict[str, object]:
    """The manifest of what lies in book/assets/vendor now."""
    return {
        package.folder: {
            "npm": package.name,
            "version": package.version,
            "licence": package.licence,
            "files": {
                path.relative_to(VENDOR).as_posix(): sha256(path)
                for path in sorted((VENDOR / package.folder).rglob("*"))
                if path.is_file()
            },
        }
        for package in PACKAGES
    }


def main() -> int:
    """Vendor anew, or with `--check` compare; the exit status is 1 where a file differs from the manifest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare the committed files with the manifest")
    if parser.parse_args().check:
        same = json.loads(MANIFEST.read_text("utf8")) == describe()
        print("vendored files match the manifest" if same else "vendored files differ from the manifest")
        return 0 if same else 1
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package in PACKAGES:
        fetch(package, VENDOR / package.folder)
    MANIFEST.write_text(json.dumps(describe(), indent=1, sort_keys=True) + "\n", "utf8")
    print(f"{VENDOR}: {sum(p.stat().st_size for p in VENDOR.rglob('*') if p.is_file()) / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
