"""Recipes and Configs built in Python, and written as the same JSON that one would type.

recipe = RecipeBuilder("tumour-training", flow="training")
load = recipe.step("load", LoadTumours, inputs={"source": data("tumours")})
train = recipe.step("train", "steps:TrainForest", inputs={"rows": load.rows})
recipe.save("tumour/training.json")
"""

from atlas.builder.config import ConfigBuilder
from atlas.builder.recipe import RecipeBuilder, StepSettings
from atlas.builder.text import pretty
from atlas.builder.words import (
    Dynamic,
    StepOutputs,
    axis,
    data,
    family,
    feature,
    history,
    literal,
    model,
    one_of,
    pipeline,
    run_fact,
)

__all__ = [
    "ConfigBuilder",
    "Dynamic",
    "RecipeBuilder",
    "StepSettings",
    "StepOutputs",
    "axis",
    "data",
    "family",
    "feature",
    "history",
    "literal",
    "model",
    "one_of",
    "pipeline",
    "pretty",
    "run_fact",
]
