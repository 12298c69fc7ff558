"""A Gradio application that serves its function as a tool.

Command line: `gradio_peer.py PORT`.
"""

import sys

import gradio


def echo(text: str) -> str:
    """Returns the text.

    Args:
        text: what to return
    """
    return text


interface = gradio.Interface(fn=echo, inputs="textbox", outputs="textbox")
interface.launch(mcp_server=True, server_name="127.0.0.1", server_port=int(sys.argv[1]))
