"""Join a run on several machines again after one of them was lost, in this process but from its first statement.

What TensorFlow knows of the other machines can't be set up twice in a process. So the program is started anew in its
place, with the same arguments and environment; it waits for the others as at first, and goes on from the checkpoint.
"""

import logging
import os
import sys
import time

PAUSE = 2.0  # s, as a worker that comes back at once may find the others before they know that it was gone

logger = logging.getLogger("train_cli")


def start_again(reason: Exception) -> None:
    """Put the program in the place of this process, from its beginning; never returns where the system can do that.

    Raises:
        Exception: `reason`, on Windows, which can't.
    """
    if os.name == "nt":
        raise reason
    logger.warning("%s; starting again to go on from there with all workers", reason)
    time.sleep(PAUSE)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
