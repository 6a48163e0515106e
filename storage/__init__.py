"""Files that survive a crash, folders that processes may share, and pools of workers. Imports nothing of ours."""
