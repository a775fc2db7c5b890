"""The HTTP API: Starlette on Trio, requests checked by the definitions that document them.

`app.build_app` puts it together, `routes.ROUTES` is the whole URL map, one file per resource.
"""
