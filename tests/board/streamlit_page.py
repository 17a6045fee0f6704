"""A page as Streamlit's documentation begins."""

from __future__ import annotations

import streamlit as st

st.write("Hello world")
x = st.slider("x")
st.write(x, "squared is", x * x)
