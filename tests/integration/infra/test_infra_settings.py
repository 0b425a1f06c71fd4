"""What a program says of its version."""

from __future__ import annotations

from infra.services import program_version


def test_what_a_program_says_of_its_version(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 'thing, version 1.2.3+ds (branch: x)' >&2\n")
    program.chmod(0o755)
    assert program_version(str(program)) == "1.2.3"
    assert program_version("/bin/true") == ""
    assert program_version("/no/such") == ""
