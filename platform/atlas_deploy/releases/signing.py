"""Signatures of tags: made with a key that the user names, checked against keys that they trust.

The formats are git's own, so that `git tag --verify` checks them, too. The programs are those of
the machine: a repository's configuration names neither a program nor a key here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from atlas.errors import DeployError, clean
from atlas.git import git

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_deploy.releases.tags import TagText

SIGNERS = "ATLAS_RELEASE_SIGNERS"
"""Variable with the file of the SSH keys that releases may be signed by, as git has it."""
_SECONDS = 120
_NAMESPACE = "-ngit"
"""What signatures of git are for."""
_SSH = "-----BEGIN SSH SIGNATURE-----"
_VALID = re.compile(r"^\[GNUPG:\] VALIDSIG ([0-9A-F]{40})", re.MULTILINE)


def sign(payload: str, key: str) -> str:
    """Return the signature of a tag's payload, armoured.

    Args:
        payload: the tag's content.
        key: file of an SSH key (the private one, or the public one of a key that the agent has), or
            the id of a key of GnuPG.

    Raises:
        DeployError: L015, it can't be signed.
    """
    file = Path(key).expanduser()
    words: tuple[str, ...]
    if file.is_file():
        words = ("ssh-keygen", "-Y", "sign", _NAMESPACE, "-f", str(file))
    else:
        words = ("gpg", "--batch", "--no-tty", "--armor", "--detach-sign", f"--local-user={key}")
    done = _run(words, payload)
    signature = done.stdout.decode("utf-8", "replace")
    if done.returncode or "SIGNATURE-----" not in signature:
        raise DeployError(
            f"--sign {clean(key)}: {words[0]} can't sign with it: {_said(done)}; expected the file "
            "of an SSH key, or the id of a secret key that `gpg --list-secret-keys` lists",
            code="L015",
        )
    return signature


def verify(name: str, tag: TagText, top: Path) -> str:
    """Return who has signed a tag.

    Args:
        name: the release's name.
        tag: its tag.
        top: the repository, whose user's configuration may name the keys.

    Raises:
        DeployError: L015, nobody whose key is trusted has.
    """
    if not tag.signature:
        raise _refused(name, "it isn't signed; expected a signature, which `--sign KEY` makes")
    check = _verify_ssh if tag.signature.startswith(_SSH) else _verify_gpg
    return check(name, tag, top)


def _verify_ssh(name: str, tag: TagText, top: Path) -> str:
    signers = signers_file(top)
    if signers is None:
        raise _refused(
            name,
            f"it is signed with an SSH key, and no file says which keys may sign; expected one in "
            f"{SIGNERS}, or in gpg.ssh.allowedSignersFile of your own git configuration",
        )
    with TemporaryDirectory(prefix="atlas-") as folder:
        file = Path(folder) / "signature"
        file.write_text(tag.signature, "utf-8")
        base = ("ssh-keygen", "-Y")
        rest = ("-f", str(signers), "-s", str(file))
        found = _run((*base, "find-principals", *rest), "")
        principals = found.stdout.decode("utf-8", "replace").splitlines()
        for principal in principals:
            words = (*base, "verify", _NAMESPACE, "-I", principal, *rest)
            if _run(words, tag.payload).returncode == 0:
                return principal
    raise _refused(name, f"its signature isn't of a key of {signers}, or isn't of this tag")


def _verify_gpg(name: str, tag: TagText, _top: Path) -> str:
    with TemporaryDirectory(prefix="atlas-") as folder:
        file = Path(folder) / "signature"
        file.write_text(tag.signature, "utf-8")
        words = ("gpg", "--batch", "--no-tty", "--status-fd=1", "--verify", str(file), "-")
        done = _run(words, tag.payload)
    key = _VALID.search(done.stdout.decode("utf-8", "replace"))
    if done.returncode or key is None:
        raise _refused(name, f"gpg doesn't accept its signature: {_said(done)}")
    return key[1]


def signers_file(top: Path) -> Path | None:
    """Return the file with the SSH keys that may sign: of the user's, never of the repository's."""
    chosen = os.environ.get(SIGNERS, "")
    if not chosen:
        words = ("config", "--global", "--type=path", "--get", "gpg.ssh.allowedSignersFile")
        chosen = os.fsdecode(git(top, *words, codes=(0, 1)) or b"").strip()
    file = Path(chosen).expanduser() if chosen else None
    return file if file is not None and file.is_file() else None


def _run(words: Sequence[str], content: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program of the machine, which reads the content.

    Raises:
        DeployError: L015, it isn't there, or doesn't end.
    """
    program = shutil.which(words[0])
    if program is None:
        raise DeployError(
            f"{words[0]}: isn't on this machine, and signatures need it; install "
            f"{'openssh-client' if words[0] == 'ssh-keygen' else 'gnupg'}",
            code="L015",
        )
    try:
        return subprocess.run(  # noqa: S603 - a list, no shell
            [program, *words[1:]],
            input=content.encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeployError(
            f"{words[0]}: hasn't ended within {_SECONDS} s; is it waiting for a passphrase? "
            "expected a key that an agent has unlocked",
            code="L015",
        ) from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    text = done.stderr.decode("utf-8", "replace")
    return clean(" ".join(text.split()), 300) or f"exit code {done.returncode}"


def _refused(name: str, why: str) -> DeployError:
    return DeployError(f"{name}: {why}", code="L015")
