"""`--doctor`: what is wrong with an installation and with what it works on, and the command that mends it."""
