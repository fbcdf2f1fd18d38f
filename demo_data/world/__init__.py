"""Programs that live in the demo world, each started as ``python -m demo_data.world.NAME``.

They are ordinary, slightly careless services: they work, hold things, and hold on to them when they are killed.
Their settings come from environment variables (see ``demo_data.world.common``).
"""
