"""From a camera to a class: poses and cut-outs of photos or a film of one good part.

In: photos or a film, and the board under the part if there is one. Out: the class folder that training reads, and a
page that shows what became of them.
"""
