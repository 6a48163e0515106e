"""Join a run on several machines again after one of them was lost, in this process but from its first statement.

What TensorFlow knows of the other machines can't be set up twice in a process. So the program is started anew in its
place, with the same arguments and environment; it waits for the others as at first, and goes on from the checkpoint.
"""

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from training.distribution import WorkerLostError

PAUSE = 2.0  # s, as a worker that comes back at once may find the others before they know that it was gone
LONGEST = 600.0  # s, from the first attempt that did not get as far as a step
MOST = 5  # restarts from the same checkpoint, which something that ends every attempt would go on for ever with
SINCE = "DEEP_SPEAKER_WAITS_SINCE"  # environment variable: when that was, in s since 1970
RESTARTS = "DEEP_SPEAKER_RESTARTS"  # environment variable: "STEP COUNT", how many there were with STEP saved

logger = logging.getLogger("train_cli")


def start_again(lost: "WorkerLostError", saved_step: int) -> NoReturn:
    """Put the program in the place of this process, from its beginning; it does not come back.

    Args:
        saved_step: that the run's last checkpoint stands at, 0 without one.

    Raises:
        WorkerLostError: `lost`, on Windows, which can't; as the workers do not find together for too long; or as they
            lose one another time and again with nothing new saved in between.
    """
    if lost.had_begun:
        os.environ.pop(SINCE, None)
        _count(lost, saved_step)
    elif time.time() - float(os.environ.setdefault(SINCE, str(time.time()))) > LONGEST:
        raise lost
    if os.name == "nt":
        raise lost
    logger.warning("%s; starting again to go on from there with all workers", lost)
    time.sleep(PAUSE)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _count(lost: "WorkerLostError", saved_step: int) -> None:
    earlier, _, count = os.environ.get(RESTARTS, "").partition(" ")
    restarts = int(count) + 1 if earlier == str(saved_step) else 1
    if restarts > MOST:
        raise lost
    os.environ[RESTARTS] = f"{saved_step} {restarts}"
