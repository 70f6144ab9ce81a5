"""The change from a warm process to a replica."""

from __future__ import annotations

import os
import sys

from ..options import ENVIRONMENT, settings
from ..problem import Problem, load_failed
from ..source_folder import FILE, source_folder
from .kept_claim import CLAIM_FILE, keep_claim, set_variables
from .write_files import write_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .claim import Claim


def take_files(claim: Claim) -> Problem | None:
    """Write the files of a claim and set its variables. Gives the problem if that fails."""
    claim_file = ENVIRONMENT.get(CLAIM_FILE)
    try:
        set_variables(claim.env)
        write_files(claim)
        if claim_file:
            keep_claim(claim_file, claim)
        os.chdir(claim.folder)
    except Problem as problem:
        return problem
    except (OSError, ValueError) as error:  # ValueError: a text that the system cannot have
        return load_failed(f"Cannot use the claim: {error}")
    return None


def become_replica(folder: str) -> None:
    """Set what the code in a folder sees of the process."""
    source_folder.move(folder)
    settings.read()
    wrapper = os.path.basename(FILE)
    sys.argv[:] = [wrapper]
    sys.modules["__main__"].__file__ = os.path.join(folder, wrapper)
