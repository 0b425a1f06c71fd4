"""Finding the class of a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.validate import check
from tests.unit.atlas.shop import STEPS, checked, shop, write

R = "training.json"
CLASS = "steps.train.class"
HELPER = "from atlas import Template\n\n\nclass Base(Template):\n    def run(self) -> None: ...\n"

WRONG = {
    "no such class": ([(R, CLASS, "steps:Trian")], ["R013 training.json steps.train.class"]),
    "no such module": ([(R, CLASS, "step:Train")], ["R014 training.json steps.train.class"]),
    "a function": (
        [("steps.py", "class Score", "def make() -> None: ...\n\n\nclass Score"), (R, CLASS, "steps:make")],
        ["R013 training.json steps.train.class"],
    ),
    "no Template": (
        [("steps.py", "class Train(Template):", "class Train:")],
        ["R015 training.json steps.train.class"],
    ),
    "a module of the standard library": (
        [(R, CLASS, "collections:OrderedDict")], ["R014 training.json steps.train.class"],
    ),
    "a package that isn't allowed": (
        [(R, CLASS, "pandas:DataFrame")], ["R014 training.json steps.train.class"],
    ),
    "Atlas's own front": ([(R, CLASS, "atlas:Trainer")], ["R014 training.json steps.train.class"]),
    "a module of Atlas's inside": (
        [(R, CLASS, "atlas.values:digest")], ["R014 training.json steps.train.class"],
    ),
    "a class that is only imported": (
        [("steps.py", "import pandas as pd", "import pandas as pd\nfrom other import Train as Other"),
         (R, CLASS, "steps:Other")],
        ["R013 training.json steps.train.class"],
    ),
    "a Template as it is": (
        [(R, CLASS, "atlas.template:Trainer"), (R, "steps.train.params", {}), ("config.json", "steps", {}),
         (R, "parameters", {}), ("config.json", "parameters", {})],
        ["R036 training.json steps.train.class"],
    ),
    "an unreadable source is reported once": (
        [("steps.py", "class Train(Template):", "class Train(Template)")],
        ["R032 steps.py"],
    ),
    "an unreadable source that another imports": (
        [("steps.py", "class Train(Template):", "class Train(Base):"),
         ("steps.py", "import pandas as pd", "import pandas as pd\nfrom helper import Base"),
         ("helper.py", "", "class Base(:")],
        ["R032 helper.py"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_class_that_won_t_do(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    assert checked(write(tmp_path, shop(*changes))) == expected


def lib(import_line: str, cls: str = "Train(Base)", **files: Any) -> dict[str, Any]:
    """Let Train inherit from a Base that is elsewhere in the folder."""
    source = STEPS.replace("import pandas as pd", f"import pandas as pd\n{import_line}")
    source = source.replace("class Train(Template):", f"class {cls}:")
    return shop((R, "steps.train.params.least", 1.5), (R, "parameters", {}),
                ("config.json", "parameters", {}), **{"steps.py": source}, **files)  # fmt: skip


BASE = "from atlas import Template\n\n\nclass Base(Template):\n    least: float = 0.0\n"
FROM = {
    "another module": lib("from lib import Base", **{"lib.py": BASE}),
    "another module, whole": lib("import lib", "Train(lib.Base)", **{"lib.py": BASE}),
    "another module, renamed": lib("import lib as l", "Train(l.Base)", **{"lib.py": BASE}),
    "a relative import": lib("from .lib import Base", **{"lib.py": BASE}),
    "a module of here": lib("from . import lib", "Train(lib.Base)", **{"lib.py": BASE}),
    "a package": lib("from lib import Base", **{"lib/__init__.py": BASE}),
    "a module in a package": lib("from lib.base import Base", **{"lib/base.py": BASE}),
    "a module in a package, dotted": lib(
        "import lib.base", "Train(lib.base.Base)", **{"lib/__init__.py": "", "lib/base.py": BASE}
    ),
    "a package that hands it on": lib(
        "from lib import Base",
        **{"lib/__init__.py": "from .base import Base", "lib/base.py": BASE},
    ),
    "everything of a module": lib("from lib import *", **{"lib.py": BASE}),
    "everything of everything": lib(
        "from lib import *", **{"lib.py": "from base import *", "base.py": BASE}
    ),
    "a name that is assigned": lib("import lib\n\nBase = lib.Base", **{"lib.py": BASE}),
    "an import that may fail": lib(
        "try:\n    from lib import Base\nexcept ImportError:\n    Base = None", **{"lib.py": BASE}
    ),
    "an import under a condition": lib(
        "import sys\n\nif sys.platform:\n    from lib import Base\nelse:\n    from lib2 import Base",
        **{"lib.py": BASE, "lib2.py": BASE},
    ),
}


@pytest.mark.parametrize("name", FROM)
def test_a_base_is_found_in(name: str, tmp_path: Path) -> None:
    assert checked(write(tmp_path, FROM[name])) == []


@pytest.mark.parametrize("name", FROM)
def test_and_its_params_are_known(name: str, tmp_path: Path) -> None:
    files = {k: v.replace("least", "most") if k != "steps.py" and isinstance(v, str) else v
             for k, v in FROM[name].items()}  # fmt: skip
    assert checked(write(tmp_path, files)) == ["R016 training.json steps.train.params.least"]


def test_the_package_of_a_step_s_class(tmp_path: Path) -> None:
    files = shop((R, CLASS, "lib.train:Train"), **{"lib/train.py": STEPS})
    files["lib/train.py"] = SHOP_STEPS
    assert checked(write(tmp_path, files)) == []


SHOP_STEPS = shop()["steps.py"]


@pytest.mark.parametrize("allow", ["shared", "shared.steps"])
def test_a_package_that_the_project_allows(
    allow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "site", {"shared/__init__.py": "", "shared/steps.py": SHOP_STEPS})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    allowed = ("pyproject.toml", "", f'[tool.atlas]\nallow = ["{allow}"]\n')
    files = shop(allowed, (R, CLASS, "shared.steps:Train"))
    assert checked(write(tmp_path / "shop", files)) == []


def test_a_package_beside_an_allowed_one_isn_t(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "site", {"shared/__init__.py": "", "shared/more.py": SHOP_STEPS})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    allowed = ("pyproject.toml", "", '[tool.atlas]\nallow = ["shared.steps"]\n')
    files = shop(allowed, (R, CLASS, "shared.more:Train"))
    [problem] = check(write(tmp_path / "shop", files)).problems
    assert problem.code == "R014"
    assert problem.message.endswith("in the pipeline's folder or in shared.steps")


def test_the_hint_for_a_class_of_a_package_that_isn_t_allowed(tmp_path: Path) -> None:
    changes, _ = WRONG["a class that is only imported"]
    [problem] = check(write(tmp_path, shop(*changes))).problems
    assert problem.message == "steps:Other is other.Train, which is not of the pipeline's folder"
    assert problem.hint == 'add "other" to allow in [tool.atlas]'


def test_the_hint_for_a_template_of_atlas(tmp_path: Path) -> None:
    [problem] = check(write(tmp_path, shop((R, CLASS, "atlas:Sink")))).problems
    assert problem.hint == "did you mean 'atlas.template:Sink'?"


def test_a_source_that_is_a_link_out_of_the_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", shop())
    (folder / "steps.py").rename(tmp_path / "steps.py")
    (folder / "steps.py").symlink_to("../steps.py")
    assert checked(folder) == ["R023 steps.py"]
