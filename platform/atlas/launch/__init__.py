"""Running Plans on orchestrators: started once, followed by what the store records, ended."""

from atlas.launch.followed import Followed
from atlas.launch.pipelines import LaunchResult, launch_pipelines, launch_runs
from atlas.launch.settings import LaunchSettings

__all__ = ["Followed", "LaunchResult", "LaunchSettings", "launch_pipelines", "launch_runs"]
