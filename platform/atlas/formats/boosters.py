"""Formats of gradient boosting: XGBoost, LightGBM and CatBoost, each in the library's own format.

None of them is pickle: what is read is trees and numbers, by the library's own parser. Which class
is made of it, the manifest says by a name that is looked up here. A class of the pipeline's own
that inherits from one of these would come back as that, so it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from atlas.errors import StoreError
from atlas.formats.format import Encoded, Facts, Format, article, type_name
from atlas.formats.packing import packed
from atlas.formats.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.formats.format import WiderTypes
    from atlas.formats.trust import Trust

_ESTIMATOR = ("sklearn.base.BaseEstimator",)
_CLASSIFIER = (*_ESTIMATOR, "sklearn.base.ClassifierMixin")
_REGRESSOR = (*_ESTIMATOR, "sklearn.base.RegressorMixin")


class _Booster(Format):
    """What the formats of one library's models have in common."""

    shows = "model"
    makes_objects = True

    def accepts(self, value: Any) -> bool:
        """Take the library's own models, and subclasses, to be refused with words."""
        package = self.name
        return any(
            cls.__module__.partition(".")[0] == package
            and f"{package}.{cls.__name__}" in self.types
            for cls in type(value).__mro__
        )

    def own_class(self, value: Any) -> str:
        """Return the name of a model's class.

        Raises:
            StoreError: it is none of the library's own.
        """
        name = type_name(value)
        if name not in self.types:
            expected = ", ".join(full.rpartition(".")[2] for full in self.types)
            raise StoreError(
                f"found {article(name)}, which {self.name}'s own format doesn't give back; "
                f"expected one of {self.name}'s {expected}"
            )
        return name.rpartition(".")[2]

    def named_class(self, facts: Facts) -> str:
        """Return the name of the class that a manifest gives.

        Raises:
            StoreError: it is none of the library's own.
        """
        name = str(facts.get("class", ""))
        if f"{self.name}.{name}" not in self.types:
            raise StoreError(f"its manifest says that it is a {name[:80]!r}, which isn't known")
        return name


class Xgboost(_Booster, Encoded):
    """A model of XGBoost as UBJSON: a Booster, or one with scikit-learn's interface."""

    name = "xgboost"
    suffix = ".ubj"
    proves_itself = True
    types: ClassVar[WiderTypes] = {
        "xgboost.Booster": (),
        "xgboost.XGBModel": _ESTIMATOR,
        "xgboost.XGBClassifier": ("xgboost.XGBModel", *_CLASSIFIER),
        "xgboost.XGBRegressor": ("xgboost.XGBModel", *_REGRESSOR),
        "xgboost.XGBRanker": ("xgboost.XGBModel", *_ESTIMATOR),
        "xgboost.XGBRFClassifier": ("xgboost.XGBClassifier", "xgboost.XGBModel", *_CLASSIFIER),
        "xgboost.XGBRFRegressor": ("xgboost.XGBRegressor", "xgboost.XGBModel", *_REGRESSOR),
    }
    aliases: ClassVar[Mapping[str, str]] = {
        "xgboost.core.Booster": "xgboost.Booster",
        **{f"xgboost.sklearn.{name}": f"xgboost.{name}" for name in (
            "XGBModel", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier",
            "XGBRFRegressor",
        )},
    }  # fmt: skip

    def pack(self, value: Any, trust: Trust) -> tuple[bytes, Facts]:
        """Return the trees, and the model's class and params.

        Raises:
            StoreError: it isn't fitted, or has a param that can't be kept, such as a function.
        """
        name = self.own_class(value)
        booster = value if name == "Booster" else _fitted(value, "_Booster")
        return bytes(booster.save_raw("ubj")), {"class": name, **_params(value, name, trust)}

    def unpack(self, content: bytes, facts: Facts, trust: Trust) -> Any:
        """Return the model."""
        import xgboost

        name = self.named_class(facts)
        params = unpacked(facts.get("params", {}), trust)
        model = getattr(xgboost, name)(**params)
        model.load_model(bytearray(content))
        for key, value in params.items():
            setattr(model, key, value)
        return model


class Lightgbm(_Booster, Encoded):
    """A model of LightGBM as its text: a Booster, or one with scikit-learn's interface."""

    name = "lightgbm"
    suffix = ".txt"
    proves_itself = True
    types: ClassVar[WiderTypes] = {
        "lightgbm.Booster": (),
        "lightgbm.LGBMModel": _ESTIMATOR,
        "lightgbm.LGBMClassifier": ("lightgbm.LGBMModel", *_CLASSIFIER),
        "lightgbm.LGBMRegressor": ("lightgbm.LGBMModel", *_REGRESSOR),
        "lightgbm.LGBMRanker": ("lightgbm.LGBMModel", *_ESTIMATOR),
    }
    aliases: ClassVar[Mapping[str, str]] = {
        "lightgbm.basic.Booster": "lightgbm.Booster",
        **{f"lightgbm.sklearn.{name}": f"lightgbm.{name}" for name in (
            "LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker",
        )},
    }  # fmt: skip

    def pack(self, value: Any, trust: Trust) -> tuple[bytes, Facts]:
        """Return the trees, and the model's class, params and what its fit has found.

        Raises:
            StoreError: it isn't fitted, or has a param that can't be kept, such as a function.
        """
        name = self.own_class(value)
        booster = value if name == "Booster" else _fitted(value, "_Booster")
        text = booster.model_to_string(num_iteration=-1)
        facts = {"class": name, "best_iteration": int(booster.best_iteration)}
        if name == "Booster":
            return text.encode(), facts
        found = {key: _plain(vars(value)[key]) for key in _FOUND if key in vars(value)}
        facts["found"] = packed(found, trust, "what its fit has found")
        return text.encode(), {**facts, **_params(value, name, trust)}

    def unpack(self, content: bytes, facts: Facts, trust: Trust) -> Any:
        """Return the model."""
        import lightgbm

        name = self.named_class(facts)
        booster = lightgbm.Booster(model_str=content.decode())
        booster.best_iteration = int(facts["best_iteration"])
        if name == "Booster":
            return booster
        model = getattr(lightgbm, name)(**unpacked(facts["params"], trust))
        found = unpacked(facts["found"], trust)
        vars(model).update({key: _array(found[key]) for key in _FOUND if key in found})
        if name == "LGBMClassifier":
            _restore_classes(model)
        model._Booster, model.fitted_ = booster, True
        return model


class Catboost(_Booster):
    """A model of CatBoost in its own format."""

    name = "catboost"
    suffix = ".cbm"
    types: ClassVar[WiderTypes] = {
        "catboost.CatBoost": (),
        "catboost.CatBoostClassifier": ("catboost.CatBoost", "sklearn.base.ClassifierMixin"),
        "catboost.CatBoostRegressor": ("catboost.CatBoost", "sklearn.base.RegressorMixin"),
        "catboost.CatBoostRanker": ("catboost.CatBoost",),
    }
    aliases: ClassVar[Mapping[str, str]] = {
        f"catboost.core.{name}": f"catboost.{name}"
        for name in ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
    }

    def write(self, value: Any, path: Path) -> Facts:
        """Write the model without what differs each time: when it was trained, and a random id.

        Raises:
            StoreError: it isn't fitted.
        """
        name = self.own_class(value)
        if not value.is_fitted():
            raise StoreError(f"the {name} isn't fitted; fit it before the step returns it")
        model = value.copy()
        metadata = model.get_metadata()
        for key in _VOLATILE & set(metadata.keys()):
            del metadata[key]
        model.save_model(str(path), format="cbm")
        return {"class": name}

    def read(self, path: Path, facts: Facts) -> Any:
        """Return the model."""
        import catboost

        return getattr(catboost, self.named_class(facts))().load_model(str(path), format="cbm")


_VOLATILE = {"train_finish_time", "model_guid"}
_FOUND = (
    "_evals_result", "_best_score", "_best_iteration", "_objective", "_class_weight",
    "_fitted_with_feature_names", "_n_features", "_n_features_in", "_classes", "_n_classes",
)  # fmt: skip
"""Attributes of a fitted LightGBM model with scikit-learn's interface, besides its trees."""


def _fitted(model: Any, attribute: str) -> Any:
    """Return a model's booster.

    Raises:
        StoreError: it has none, for it isn't fitted.
    """
    booster = getattr(model, attribute, None)
    if booster is None:
        name = type(model).__name__
        raise StoreError(f"the {name} isn't fitted; fit it before the step returns it")
    return booster


def _params(model: Any, name: str, trust: Trust) -> dict[str, Any]:
    """Return what a model with scikit-learn's interface was constructed with, as plain data.

    Raises:
        StoreError: a param is of another kind, such as a function.
    """
    if name == "Booster":
        return {}
    params = model.get_params()
    return {
        "params": {key: packed(value, trust, f"its param {key}") for key, value in params.items()}
    }


def _plain(value: Any) -> Any:
    """Return dicts of any kind as dicts, and an array of texts as a list that says so."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if str(getattr(value, "dtype", "")) == "object":
        return {"objects": value.tolist()}
    return value


def _array(value: Any) -> Any:
    """Return what `_plain` was given."""
    if isinstance(value, dict) and value.keys() == {"objects"}:
        import numpy

        return numpy.array(value["objects"], dtype=object)
    return value


def _restore_classes(model: Any) -> None:
    """Set what a classifier keeps of its classes' order."""
    from sklearn.preprocessing import LabelEncoder

    encoder = LabelEncoder()
    encoder.classes_ = model._classes
    numbers = encoder.transform(model._classes)
    model._le, model._class_map = encoder, dict(zip(model._classes, numbers, strict=True))
