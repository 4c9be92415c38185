"""`make conform`: shows on an account of one's own what nobody has seen on AWS yet.

It deploys the retail sample under a name of its own, runs it in every way that there is, compares
every table with answers that were worked out independently, probes each assumption about AWS, and
destroys what it made. It imports the other tools of ops/; nothing imports it but the command line.
"""
