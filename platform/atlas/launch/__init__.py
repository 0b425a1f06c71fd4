"""Running Plans on orchestrators: started once, followed by what the store records, ended."""

from atlas.launch.followed import Followed
from atlas.launch.pipelines import Result, launch_pipelines
from atlas.launch.settings import Settings

__all__ = ["Followed", "Result", "Settings", "launch_pipelines"]
