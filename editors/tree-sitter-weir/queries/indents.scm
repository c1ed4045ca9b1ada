; The second names are Neovim's.
[(block) (template_body) (map) (list) (arguments) (parameters)] @indent @indent.begin
["}" "]" ")"] @outdent @indent.branch @indent.end
