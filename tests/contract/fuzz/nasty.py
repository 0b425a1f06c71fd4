"""Words that have broken readers of files before."""

from __future__ import annotations

TEXTS = (
    "", " ", ".", "..", "-", "_", ":", "a.b", "a..b", ".a", "a.", "load", "load.", "load.rows", "load.rows.rows",
    "data.", "data.houses", "model.model", "input.rows", "pipeline:prices/train.model", "family:prices/train.model",
    "pipeline:/train.model", "family::/a.b", "pipeline:prices/train", "null", "None", "self", "class", "__class__",
    "__init__", "True", "NaN", "Infinity", "0", "-0", "1e309", "é", "İ", "ß", "ﬁ", "\u202egnp.exe", "\u2066x\u2069",
    "\u200b", "\ufeff", "\u2028", "\x85", "\x7f", "\x1b[31mred", "\x07", "\r\n", "\t", "a\nb", "\0", "\ud800", "a\udfff",
    "😀", "👩‍👩‍👧", "e\u0301" * 40, "\U000e0001", "\U0010ffff", "%s%n", "{0}", "{{x}}", "${HOME}", "$(id)", "`id`",
    "'; DROP TABLE x;--", "<script>alert(1)</script>", "x" * 63, "x" * 64, "x" * 500, "x" * 5000, "x." * 200, "a-" * 40,
    "2Gi", "0", "0Gi", "1e3", "999999999999Ti", "30m", "0s", "999999999s", "99999d", "* * * * *", "0 6 * * *", "*/0 * * * *",
    "60 24 32 13 8", "0 0 31 2 *", "Europe/Zurich", "../../etc/passwd", "UTC", "2026-02-30", "2026-01-01T25:61", "0000-00-00",
)  # fmt: skip
PATHS = (
    "..", ".", "/", "//", "../..", "../../../../../../etc/passwd", "/etc/passwd", "/dev/zero", "/dev/stdin", "/proc/self/mem",
    "/proc/self/environ", "training.json", "./training.json", "././config.json", "a/../training.json", "training.json/",
    "training.json/x", "config.json", "~/x", "~root/.ssh/id_rsa", "C:\\x", "..\\x", "file:///etc/passwd", "x\0y", "x\ny",
    "link", "loop", "out", "fifo", "folder", "dangling", "link/training.json", "out/passwd", "out/shadow", "x" * 255,
    "x" * 400, "x/" * 240, "../" * 160, "\ud800", "é.json", "\u202e.json", "environments/local.json", "steps.py", "CON", "nul",
    "http://127.0.0.1/x", "s3://bucket/x", "project:../../etc/passwd", "store:../x", "file:///../../etc/passwd",
)  # fmt: skip
CLASSES = (
    "steps:Train", "steps:Load", "steps:Nothing", "nothing:Train", "os:system", "subprocess:Popen", "builtins:eval",
    "atlas.template:Source", "atlas.template:Sink", "atlas.template:Trainer", "atlas.template:Template", "atlas:Source",
    "atlas.step.execute:run", "steps.Train:Train", "link:Train", "loop:Train", "out:Train", "out.passwd:Train", "fifo:Train",
    "folder:Train", "folder.steps:Train", "config:X", "steps:__class__", "steps:Train:Train", "steps", ":Train", "steps:",
    "a" * 250 + ":X", "steps:" + "X" * 250, "é:É", "sitecustomize:X", "antigravity:X", "this:X", "pandas:DataFrame",
)  # fmt: skip
NUMBERS = (
    0, -0.0, 1, -1, 0.5, 1e-320, 1e308, -1e308, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**299, 10**400, 1.5e300,
    1000001, 10001, 65536, 0.1 + 0.2,
)  # fmt: skip
WORDS = (
    "name", "version", "extends", "flow", "steps", "class", "recipe", "inputs", "outputs", "params", "parameters", "images",
    "defaults", "after", "foreach", "image", "resources", "cpu", "memory", "gpu", "retries", "limit", "delay", "factor",
    "max_delay", "timeout", "env", "secrets", "cache", "node_selector", "tolerations", "recipes", "training", "inference",
    "data", "features", "model", "from", "schedule", "cron", "timezone", "start", "promotion", "retraining", "matrix",
    "platform", "targets", "prefix", "uri", "credential", "protected", "schedules", "optional", "default", "minimum", "maximum",
    "choices", "type", "format", "requirements", "dockerfile", "reference", "base", "parameter", "feature", "axis", "run", "literal",
    "load", "train", "rows", "source", "$schema", "description", "ATLAS_X", "PATH", "__proto__",
)  # fmt: skip
BYTES = (
    b"\0", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xef\xbb\xbf", b"\xfe\xff", b"\\ud800", b"\\udc00\\ud800", b"\\u0000", b"\\u202e",
    b"\\x", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"-" + b"9" * 5000, b"0" * 50, b"1.", b".5", b"0x1", b"1_0", b"[" * 200, b"{" * 200,
    b'{"a":' * 150, b"]" * 20, b",,", b"//", b"/*", b"#", b"'", b'"', b'"a":1,"a":2', b"null", b"true", b"\r", b"\n" * 100, b" " * 10000,
    "\u202e".encode(), "\u2028".encode(), "\U0010ffff".encode(), b"\x1b[2J", b"\x85",
)  # fmt: skip
