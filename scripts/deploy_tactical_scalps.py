#!/usr/bin/env python3
"""Check a deployment or start a session: --validate-only | --mode paper|test|live [--max-trades N] [--config F] [--log-level L]."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "bin"))
import bootstrap

bootstrap.run(bootstrap.CORE, "tidegate.cli.deploy:main", sys.argv[1:], program=sys.argv[0])
