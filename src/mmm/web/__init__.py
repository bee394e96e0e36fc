"""The web app: Streamlit pages that read stored state, call one service function and draw."""
