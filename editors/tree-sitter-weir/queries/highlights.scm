; Names of captures are those of tree-sitter and Neovim; where Helix has another, both stand there.

(comment) @comment
[(documentation) (file_documentation)] @comment.documentation

["use" "as" "template"] @keyword
["allow" "deny" "assert"] @keyword.control
["in" "between"] @keyword
["where" "and" "or" "not" "on"] @keyword.operator

; Words that start a declaration are ordinary names elsewhere. The list is held against the compiler's.
((declaration keyword: (identifier) @keyword)
  (#any-of? @keyword
    "zone" "conduit" "network" "gateway" "cluster" "workload" "class" "device" "external" "role" "group" "protocol"
    "core" "radio" "slice" "template" "instance" "import" "policy" "exception"))
(inner_block keyword: (identifier) @keyword)
((declaration keyword: (identifier) @keyword)
  (#any-of? @keyword "interface" "operation" "argument" "attribute"))
(assertion kind: (identifier) @keyword)

(declaration name: (identifier) @type)
(template name: (identifier) @type)
(parameter name: (identifier) @variable.parameter)
(parameter kind: (identifier) @keyword)
(attribute name: (identifier) @property @variable.other.member)
(map_entry name: (identifier) @property @variable.other.member)
(argument name: (identifier) @variable.parameter)

(path segment: (identifier) @function . (arguments))
((path segment: (identifier) @constant.builtin)
  (#any-of? @constant.builtin "true" "false" "any" "internet" "index"))
((path segment: (identifier) @type)
  (#match? @type "^[A-Z]"))

(string) @string
(escape_sequence) @string.escape @constant.character.escape
(hole) @string.special
[(integer) (hexadecimal) (decimal)] @number @constant.numeric
(unit) @type.builtin
[(ipv4) (ipv6) (mac) (date)] @constant @constant.numeric

["->" "<->" "~>" "=" "==" "!=" "<" "<=" ">" ">=" ".." "|" "&" "+" "-" "*" "/"] @operator
["{" "}" "[" "]" "(" ")"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter
