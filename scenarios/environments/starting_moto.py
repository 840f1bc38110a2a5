"""Starting moto's server for as long as somebody needs it."""

from redrive.fixtures.moto_server import MotoServer, MotoServerError

from ..errors import EnvironmentFailed
from ..interruption import held_back

__all__ = ["start_moto"]


def start_moto(port: int = 0) -> MotoServer:
    """A server on a free port, or on this one. Raises :class:`EnvironmentFailed`."""
    # It does not hear of Ctrl-C, and ends when we end it.
    with held_back():
        try:
            return MotoServer(port=port)
        except MotoServerError as error:
            raise EnvironmentFailed(str(error)) from error
