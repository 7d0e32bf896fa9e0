"""`python -m ddg_cli`: the front door without the setup."""

from ddg_cli.main import main

raise SystemExit(main())
