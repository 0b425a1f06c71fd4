"""Atlas in notebooks: what is drawn when it is shown, and pipelines run from a cell."""

from atlas.notebook.display import (
    load_ipython_extension,
    register,
    unload_ipython_extension,
)
from atlas.notebook.running import Ran, run

__all__ = ["Ran", "load_ipython_extension", "register", "run", "unload_ipython_extension"]
