"""Builds the page that runs exported TFLite files in the browser.

    python export/web/build.py export/products/great_wave/tflite/1/*.tflite

writes export/web/built/, which any web server can hand out: the page, the
networks, and LiteRT.js with its WebAssembly. Needs Python's standard library
only. LiteRT.js comes from the npm registry, once; it is kept in
export/web/downloads/ and checked against the hashes below each time.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request

import tflite_inputs

_HERE = pathlib.Path(__file__).parent
_REGISTRY = "https://registry.npmjs.org"
_VERSION = "2.5.3"
# Package and integrity, as the registry states it.
_PACKAGES = {
    "core": "sha512-PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8Iw"
    "qgqCIkviYGr9OFDL1kCnN4nzWoyJQ==",
    "wasm-utils": "sha512-4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZ"
    "W580Tmk78pC2kT39A9OYBVdFawteZ/sI1kQ==",
}
# With the relaxed SIMD instructions, and for browsers without. The threaded
# one would need headers that a plain web server does not send.
_WASM = ("litert_wasm_internal", "litert_wasm_compat_internal")
_NOTICE = f"""\
LiteRT.js {_VERSION} (npm: @litertjs/core, @litertjs/wasm-utils), Copyright The
LiteRT Authors, Apache License 2.0 (../LICENSE). Changed: core.js imports
wasm-utils.js by its path, since no bundler resolves its name here.
"""


def main(arguments: list[str] | None = None) -> int:
    """Builds; returns the exit status."""
    options = _parse(arguments)
    try:
        entries = [
            _entry(path, options.style_names) for path in options.networks
        ]
        entries = [entry for entry in entries if entry is not None]
        _check_entries(entries)
        archives = _fetch_all(options.downloads)
        _build(entries, archives, options.output_dir)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    folder = os.path.relpath(options.output_dir)
    print(f"wrote {folder}, networks: {len(entries)}. Try it:")
    print(f"  python -m http.server --directory {folder} 8000")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "networks",
        nargs="+",
        type=pathlib.Path,
        metavar="FILE.tflite",
        help="written by fastnst.export, for pictures of one size",
    )
    parser.add_argument(
        "--style_names",
        default="",
        help="names, separated by commas, for networks of that many styles; "
        "default: as in the SavedModel that was exported beside the file",
    )
    parser.add_argument(
        "--output_dir",
        type=pathlib.Path,
        default=_HERE / "built",
        help="is replaced if this script wrote it; default: %(default)s",
    )
    parser.add_argument(
        "--downloads",
        type=pathlib.Path,
        default=_HERE / "downloads",
        help="where LiteRT.js is kept; default: %(default)s",
    )
    return parser.parse_args(arguments)


def _entry(path: pathlib.Path, style_names: str) -> dict | None:
    """Describes a network for networks.json; None if the page cannot run it."""
    content = path.read_bytes()
    try:
        shapes = tflite_inputs.read_shapes(content)
    except ValueError as error:
        raise ValueError(f"{path} {error}.") from None
    images = [shape for shape in shapes if len(shape) == 4]
    if len(images) != 1 or images[0][3] != 3:
        raise ValueError(f"{path} does not take one RGB picture.")
    _, height, width, _ = images[0]
    if min(height, width) < 2:
        print(f"left out {path}: LiteRT.js needs a size, this takes any.")
        return None
    num_styles = max([shape[1] for shape in shapes if len(shape) == 2] + [1])
    return {
        "path": path,
        "name": path.stem,
        "file": f"networks/{path.name}",
        "height": height,
        "width": width,
        "bytes": len(content),
        "style_names": _style_names(path, num_styles, style_names),
    }


def _style_names(path: pathlib.Path, num_styles: int, given: str) -> list[str]:
    """Returns the names, or none: the page then counts the styles."""
    names = [name.strip() for name in given.split(",") if name.strip()]
    if not names:
        # <name>/tflite/<version>/FILE lies beside <name>/<version>/.
        version = path.absolute().parent
        contract = version.parent.parent / version.name / "assets.extra"
        contract /= "contract.json"
        if contract.exists():
            names = json.loads(contract.read_bytes()).get("style_names", [])
    return names if len(names) == num_styles else []


def _check_entries(entries: list[dict]) -> None:
    if not entries:
        raise ValueError("none of these networks can be run by the page.")
    names = [entry["name"] for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two files are called {name}.tflite.")


def _fetch_all(downloads: pathlib.Path) -> dict[str, bytes]:
    """Returns the packages of LiteRT.js; names all that cannot be had."""
    archives, missing = {}, []
    for package, integrity in _PACKAGES.items():
        try:
            archives[package] = _fetch(package, integrity, downloads)
        except (urllib.error.URLError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            missing.append(f"{_url(package)} ({reason})")
    if missing:
        raise OSError(
            f"cannot be fetched: {', '.join(missing)}. Without a network, put "
            f"what is there into {downloads} yourself."
        )
    return archives


def _url(package: str) -> str:
    return f"{_REGISTRY}/@litertjs/{package}/-/{package}-{_VERSION}.tgz"


def _fetch(package: str, integrity: str, downloads: pathlib.Path) -> bytes:
    """Returns a package, from `downloads` if it is there."""
    path = downloads / f"{package}-{_VERSION}.tgz"
    if path.exists():
        content, source = path.read_bytes(), str(path)
    else:
        source = _url(package)
        with urllib.request.urlopen(source, timeout=60) as response:
            content = response.read()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if f"sha512-{digest}" != integrity:
        raise ValueError(
            f"{source} is not what it was when this script was written "
            "(sha512 differs): delete it and try again."
        )
    if not path.exists():
        downloads.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(content)
        partial.rename(path)
    return content


def _build(
    entries: list[dict], archives: dict[str, bytes], output_dir: pathlib.Path
) -> None:
    """Writes all under a temporary name, and renames it when it is whole."""
    output_dir = output_dir.absolute()
    if output_dir.exists() and not (output_dir / "networks.json").exists():
        raise ValueError(
            f"{output_dir} exists and was not written by this script: remove "
            "it, or give another --output_dir."
        )
    output_dir.parent.mkdir(parents=True, exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=".web-", dir=output_dir.parent)
    try:
        new = pathlib.Path(temporary) / "new"
        shutil.copytree(_HERE / "page", new)
        shutil.copy(_HERE.parents[1] / "LICENSE", new)
        _write_litert(archives, new / "litert")
        _write_networks(entries, new)
        if output_dir.exists():
            output_dir.rename(pathlib.Path(temporary) / "old")
        new.rename(output_dir)
    finally:
        shutil.rmtree(temporary)


def _write_litert(archives: dict[str, bytes], folder: pathlib.Path) -> None:
    (folder / "wasm").mkdir(parents=True)
    (folder / "README.txt").write_text(_NOTICE, encoding="utf-8")
    modules = {
        package: _member(archive, "package/dist/index.js").decode()
        for package, archive in archives.items()
    }
    bare, path = '"@litertjs/wasm-utils"', '"./wasm-utils.js"'
    if modules["core"].count(bare) != 1:
        raise ValueError(f"LiteRT.js does not import {bare} once.")
    modules["core"] = modules["core"].replace(bare, path)
    for package, source in modules.items():
        # The maps stay behind, and a browser would ask for them.
        source = source.replace("//# sourceMappingURL=index.js.map", "")
        (folder / f"{package}.js").write_text(source, encoding="utf-8")
    for stem in _WASM:
        for name in (f"{stem}.js", f"{stem}.wasm"):
            content = _member(archives["core"], f"package/wasm/{name}")
            (folder / "wasm" / name).write_bytes(content)


def _member(archive: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        file = tar.extractfile(name)
        if file is None:
            raise ValueError(f"LiteRT.js lacks {name}.")
        return file.read()


def _write_networks(entries: list[dict], folder: pathlib.Path) -> None:
    (folder / "networks").mkdir()
    for entry in entries:
        shutil.copy(entry["path"], folder / entry["file"])
    table = [
        {key: value for key, value in entry.items() if key != "path"}
        for entry in entries
    ]
    text = json.dumps(table, indent=2) + "\n"
    (folder / "networks.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
