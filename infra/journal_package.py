"""Builds the zip of the reference handler with the journal around it, for a verification on AWS."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from . import journal_handler
from .package_function import Package, build_package, find_handler_folder, install_dependencies

__all__ = ["INNER_HANDLER", "build_journalled"]

INNER_HANDLER: Final = "reference_handler.app.lambda_handler"
"""The handler in the zip that the journal is kept of."""


def build_journalled(
    output: Path, *, architecture: str = "arm64", python_version: str = "3.13", with_dependencies: bool = True
) -> Package:
    """Write the zip to ``output``. With dependencies, pip fetches them for Lambda.

    Raises :class:`~.package_function.PackagingError`.
    """
    with tempfile.TemporaryDirectory(prefix="redrive-package-") as name:
        beside = Path(name)
        if with_dependencies:
            install_dependencies(beside, architecture=architecture, python_version=python_version)
        shutil.copyfile(journal_handler.__file__, beside / "journal_handler.py")
        return build_package(output, handler_folder=find_handler_folder(), dependencies=beside)
