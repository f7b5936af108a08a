"""The engines of computation: one module of this package is one engine.

A module has `ENGINE`, an instance of `mpc.engine.Engine`. `mpc.registry` finds it; nothing else names it. An engine
knows what lies beside this package in `mpc`, and no other engine.
"""
