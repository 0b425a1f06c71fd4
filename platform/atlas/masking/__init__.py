"""Masking secrets: a value, in every form that it is likely to be written in, becomes ``***``."""

from atlas.masking.forms import SHORTEST, forms_of, passwords_in
from atlas.masking.mask import NO_MASK, STARS, Mask, MaskedText, mask_of

__all__ = [
    "NO_MASK",
    "SHORTEST",
    "STARS",
    "Mask",
    "MaskedText",
    "forms_of",
    "mask_of",
    "passwords_in",
]
