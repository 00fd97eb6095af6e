#!/usr/bin/env python3
"""Show the risk gate judging the worked example: BTC long, 25 USD, stop 28 bps."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), os.pardir, os.pardir, "bin"))
import bootstrap

bootstrap.run(bootstrap.CORE, "tidegate.cli.worked_example:main", sys.argv[1:], program=sys.argv[0])
