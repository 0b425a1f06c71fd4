"""Programs built from Go modules where they can't be downloaded: the engine, its language host.

They are in no other registry. `go install …@version` fails on them, so each has a module of its
own beside this file that requires it, with the checksums of all it needs.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from atlas_toolchain import catalog, shell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HERE = Path(__file__).parent / "go"
_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_ENGINE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_HOST = f"{_SDK}/python/cmd/pulumi-language-python"
#: No C compiler is needed, no workspace or work tree looked at, no checksum added.
_ENVIRONMENT = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}
#: Without debug information, which Go takes a tenth of its time for.
_ALWAYS = ("-trimpath", "-gcflags=all=-dwarf=false")
#: For what only tests start: nothing is inlined, which takes Go a third less time. A program then
#: starts half as fast.
_QUICKLY = ("-gcflags=all=-l -dwarf=false",)


def there() -> bool:
    """Tell whether there is a Go to build with."""
    return shutil.which("go") is not None


def engine(folder: Path) -> list[Path]:
    """Build the engine into a folder: 2 to 4 minutes on two cores the first time.

    Raises:
        OSError: Go couldn't be started.
        subprocess.SubprocessError: the build failed.
    """
    return [build("engine", _ENGINE, _flags(catalog.PULUMI), folder / "pulumi")]


def language_host(folder: Path) -> list[Path]:
    """Build the Python language host into a folder, with the script that it starts.

    Raises:
        OSError: Go couldn't be started.
        subprocess.SubprocessError: the build failed.
    """
    program = folder / "pulumi-language-python"
    build("language_python", _HOST, _flags(catalog.LANGUAGE_HOST), program)
    sources = sources_of(_SDK, folder / "language_python")
    script = folder / "pulumi-language-python-exec"
    shutil.copyfile(sources / "python" / "cmd" / script.name, script)
    return [script, program]


def sources_of(path: str, module: Path) -> Path:
    """Return the folder of a module that another one, in a folder, requires; it is downloaded.

    Raises:
        OSError: Go couldn't be started.
        subprocess.SubprocessError: it can't be had.
    """
    command = ["go", "mod", "download", "-json", path]
    shell.run(command, folder=module, environment=_ENVIRONMENT)
    command = ["go", "list", "-m", "-f", "{{.Dir}}", path]
    return Path(shell.run(command, folder=module, environment=_ENVIRONMENT).strip())


def _flags(version: str) -> str:
    """Return the linker's flags by which a program of Pulumi's knows its version."""
    return f"-X {_VERSION}=v{version}"


def build(module: str, package: str, flags: str, target: Path) -> Path:
    """Build one package in a copy of its module, and return the program.

    Args:
        module: name of the folder in `go`; it is copied beside the program.
        package: the package's path.
        flags: more flags for the linker.
        target: the program's path.

    Raises:
        OSError: Go couldn't be started.
        subprocess.SubprocessError: the build failed.
    """
    run_build(copied(module, target.parent), package, flags, target)
    return target


def build_all(
    module: str, packages: Mapping[str, str], flags: str, folder: Path, *, quickly: bool
) -> None:
    """Build several packages of a copy of a module at once, each as a program in a folder.

    Go compiles what they share once, and links one while it compiles another one.

    Args:
        module: name of the folder in `go`; it is copied into the folder.
        packages: the packages, by the names of their programs, which several take of them.
        flags: more flags for the linker.
        folder: where the programs are to be.
        quickly: whether they may be slower for that they are built faster.

    Raises:
        OSError: Go couldn't be started.
        subprocess.SubprocessError: the build failed.
    """
    names = tuple(packages)
    target = folder / names[0] if len(names) == 1 else folder
    options = _QUICKLY if quickly else ()
    run_build(copied(module, folder), tuple(packages.values()), flags, target, options)


def run_build(
    folder: Path,
    package: str | Sequence[str],
    flags: str,
    target: Path,
    options: Sequence[str] = (),
) -> None:
    """Build packages of the module in a folder.

    Args:
        folder: the module.
        package: the package's path, or several.
        flags: more flags for the linker.
        target: the program's path, or of several the folder that they are to be in.
        options: more options for Go.

    Raises:
        OSError: Go couldn't be started.
        subprocess.SubprocessError: the build failed.
    """
    packages = [package] if isinstance(package, str) else package
    linked = ["-ldflags", f"-s -w {flags}".strip()]
    shell.run(
        ["go", "build", *_ALWAYS, *linked, *options, "-o", target, *packages],
        folder=folder,
        environment=_ENVIRONMENT,
    )


def own_copy(path: str, module: Path, copy: Path) -> Path:
    """Copy the sources of a module that another one requires, and have it take the copy.

    Args:
        path: the Go module.
        module: the folder of the module that requires it.
        copy: where the copy is to be; absolute.

    Raises:
        OSError: Go couldn't be started, or something can't be copied.
        subprocess.SubprocessError: the sources can't be had.
    """
    shutil.copytree(sources_of(path, module), copy, copy_function=shutil.copyfile)
    for one in (copy, *copy.rglob("*")):
        one.chmod(0o755 if one.is_dir() else 0o644)
    shell.run(["go", "mod", "edit", f"-replace={path}={copy}"], folder=module)
    return copy


def copied(module: str, folder: Path) -> Path:
    """Return the copy of a module in a folder, made where there is none yet."""
    copy = folder / module
    if not copy.exists():
        shutil.copytree(_HERE / module, copy)
    return copy


def source(module: str, path: str, folder: Path) -> Path:
    """Return where the sources of a Go module are, in the version that one of ours requires.

    Args:
        module: name of our module in `go`.
        path: the Go module.
        folder: where the copy of ours may be.

    Raises:
        OSError: Go couldn't be started.
        subprocess.SubprocessError: the module couldn't be got.
    """
    own = copied(module, folder)
    shell.run(["go", "mod", "download", path], folder=own, environment=_ENVIRONMENT)
    command = ["go", "list", "-m", "-f", "{{.Dir}}", path]
    return Path(shell.run(command, folder=own, environment=_ENVIRONMENT).strip())
