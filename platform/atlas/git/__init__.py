"""What git knows of a folder, asked so that nothing of the folder is executed.

`running` starts git, `asking` takes its answer, `commits` finds the commit of a folder,
`repository` says how things stand with a repository, `addresses` where its code is, `trees` reads
and writes objects without the work tree and the index, `remote` pushes and fetches with the user's
own credentials.
"""

from __future__ import annotations

from atlas.git.asking import GitAnswer, ask, git
from atlas.git.commits import commit_of, commits_of, has_repository
from atlas.git.running import GitOptions

__all__ = ["GitAnswer", "GitOptions", "ask", "commit_of", "commits_of", "git", "has_repository"]
