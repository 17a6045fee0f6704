"""A page as Bokeh's user guide has it for `bokeh serve`: a plot that is added to every session's document."""

from __future__ import annotations

from bokeh.plotting import curdoc, figure

plot = figure()
plot.line(x=[1, 2, 3], y=[4, 6, 2])
curdoc().add_root(plot)
