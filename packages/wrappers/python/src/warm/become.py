"""The change from a warm process to a replica."""

from __future__ import annotations

import os
import sys

from ..options import ENVIRONMENT, settings
from ..problem import Problem, load_failed
from ..source_folder import FILE, source_folder
from .imports import forget_ahead
from .write_files import write_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .claim import Claim


def become(claim: Claim, kept_modules: Collection[str]) -> Problem | None:
    """Write the files of a claim, and set what the function sees. Gives the problem if that fails.

    `kept_modules` names those that are imported without a warm process too.
    """
    for name in ("FAAS_WARM", "FAAS_CLAIM_SHA256"):
        del ENVIRONMENT[name]
    try:
        ENVIRONMENT.update(claim.env)
        write_files(claim)
        os.chdir(claim.folder)
    except Problem as problem:
        return problem
    except (OSError, ValueError) as error:  # ValueError: a text that the system cannot have
        return load_failed(f"Cannot use the claim: {error}")
    source_folder.move(claim.folder)
    settings.read()
    wrapper = os.path.basename(FILE)
    sys.argv[:] = [wrapper]
    sys.modules["__main__"].__file__ = os.path.join(claim.folder, wrapper)
    forget_ahead(claim.folder, claim.files, kept_modules)
    return None
