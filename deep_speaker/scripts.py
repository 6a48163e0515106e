"""The commands of an installation. From their first statement on, Ctrl-C ends them quietly."""

from storage.interrupt import exit_quietly


def deep_speaker() -> int:
    """Run `deep-speaker`, which is cli.py in the repository; returns the exit status."""
    exit_quietly()
    from cli import main

    return main()


def deep_speaker_train() -> int:
    """Run `deep-speaker-train`, which is train_cli.py in the repository; returns the exit status."""
    exit_quietly()
    from train_cli import main

    return main()
