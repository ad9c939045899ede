"""The stages that every kind of call goes through, whoever serves it.

`authenticate -> model -> bound -> limit -> guard -> hold`, then, when it has been served, `settle` or `release`.
`desk.Desk` has a method for each; `flight.Flight` is what they know of one call.
"""
