"""Masking: every form of a secret, whole or in pieces, and nothing else."""

from __future__ import annotations

import base64
import json
import random
import re
from urllib.parse import quote, quote_plus

import pytest

from atlas.masking import Mask
from tests.canary import CANARY, PEM, traces

_FORMS = {
    "plain": str,
    "repr": repr,
    "bytes": lambda text: repr(text.encode()),
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "quote": quote,
    "quote all": lambda text: quote(text, safe=""),
    "quote_plus": quote_plus,
    "quoted in lower case": lambda text: re.sub(
        "%..", lambda one: one[0].lower(), quote_plus(text)
    ),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "basic authentication": lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    "second alignment": lambda text: base64.b64encode(f"u{text}x".encode()).decode(),
    "third alignment": lambda text: base64.urlsafe_b64encode(f"uu{text}xx".encode()).decode(),
    "wrapped base64": lambda text: base64.encodebytes(text.encode() * 4).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
}


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("secret", [CANARY, PEM, "s3cr3t-Token_42", "ab?d", "ключ-к-двери"])
def test_every_form_is_masked(form, secret):
    text = f"before {_FORMS[form](secret)} after\n"
    masked = Mask([secret]).text(text)
    assert "***" in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after\n")
    assert not traces(masked)
    assert max(map(len, secret.splitlines())) < 8 or secret not in masked


def test_what_is_no_secret_stays():
    mask = Mask([CANARY, PEM, "token-1234"])
    text = "token-123 and token 1234, c4nary, -----BEGIN KEY-----\nYzRuYXJ5\n"
    assert mask.text(text) == text
    assert mask.plain({"loss": 0.25, "steps": [1, None, True]}) == {
        "loss": 0.25,
        "steps": [1, None, True],
    }


def test_secrets_within_secrets_and_side_by_side():
    mask = Mask(["abcd", "abcdefgh", "xxabc", "ghij"])
    assert mask.text("xxabcdefghij") == "***"
    assert mask.text("abcdefgh, abcd, abcde") == "***, ***, ***e"
    assert mask.text("abcdabcd") == "******"


def test_short_values_are_left_alone_and_short_lines_are_not():
    assert Mask(["", "a", "abc", "  x "]).text("a abc x") == "a abc x"
    assert Mask(["abcd"]).text("abcd") == "***"
    assert Mask(["abcd\nefgh"]).text("abcd\nefgh") == "***\n***"


def test_what_a_document_or_an_address_holds():
    document = json.dumps({"key": "AKIA0123456789", "more": ["deep-secret"], "region": "eu-1"})
    mask = Mask([document, "postgres://me:p%40ssword@db:5432/x"])
    assert mask.text("AKIA0123456789 deep-secret eu-1") == "*** *** eu-1"
    assert mask.text("p%40ssword p@ssword db:5432") == "*** *** db:5432"
    address = Mask(['{"client_kwargs": {"endpoint_url": "http://127.0.0.1:9000"}}'])
    assert (
        address.text("no answer of http://127.0.0.1:9000") == "no answer of http://127.0.0.1:9000"
    )


@pytest.mark.parametrize("seed", range(20))
def test_pieces_are_masked_as_the_whole_is(seed):
    chance = random.Random(seed)
    mask = Mask(["abcd", "abcdefgh", "xxabc", "aaaa", "x\u00e9y+z"])
    words = ["abcd", "efgh", "xxabc", "a", "aa", "x", "\n", "q", "x\u00e9y+z", "xC3%A9y%2Bz"]
    for _ in range(200):
        text = "".join(chance.choices(words, k=chance.randint(1, 14)))
        stream, said, rest = mask.stream(), "", text
        while rest:
            cut = chance.randint(1, 5)
            said, rest = said + stream.feed(rest[:cut]), rest[cut:]
        assert said + stream.close() == mask.text(text)


def test_a_line_is_whole_at_its_end_and_little_is_held_back():
    stream = Mask([CANARY, PEM]).stream()
    assert stream.feed("a line that ends in c4na\n") == "a line that ends in c4na\n"
    assert stream.feed("Continue? ") == "Continue? "
    assert stream.feed("now c4nary") == "now "
    assert stream.feed("-bird") == "c4nary-bird"


def test_in_a_pause_a_few_characters_are_shown_and_the_rest_is_still_found():
    stream = Mask(["abcdefgh"]).stream()
    assert stream.feed("12 ab") == "12 "
    assert stream.release() == "ab"
    assert stream.release() == ""
    assert stream.feed("cdefgh!") == "***!"
    assert stream.feed("abcdef") == ""
    assert stream.release() == ""
    assert stream.close() == "abcdef"


def test_bytes_of_any_kind():
    mask = Mask([CANARY]).of_bytes
    content = b"\xff\xfe" + CANARY.encode() + b"\x00"
    assert mask.text(content.decode("latin-1")).encode("latin-1") == b"\xff\xfe***\x00"
    assert Mask([CANARY]).finds(content)
    assert not Mask([CANARY]).finds(content[:8])


def test_it_says_nothing_itself():
    assert CANARY not in repr(Mask([CANARY]))
