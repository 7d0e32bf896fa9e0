"""The front door: `ddg COMMAND` composes the rooms."""
