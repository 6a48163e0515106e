"""Files that survive a crash and folders that two processes may share. Imports nothing of ours."""
