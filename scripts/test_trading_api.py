#!/usr/bin/env python3
"""Check the trading API: --test all|health|performance|execute|dashboard|websocket [--host H] [--port N] [--mode paper|test|live]."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "bin"))
import bootstrap

bootstrap.run(bootstrap.CORE, "tidegate.cli.api_checks:main", sys.argv[1:], program=sys.argv[0])
