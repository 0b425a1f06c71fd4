"""Search: which params of a Template give the best model, tried round by round."""

from atlas.search.steps import Propose, ProposeFirst

__all__ = ["Propose", "ProposeFirst"]
