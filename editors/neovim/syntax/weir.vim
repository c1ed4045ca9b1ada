" Colours without a server; with one, what names mean comes on top.
if exists('b:current_syntax')
  finish
endif

syntax keyword weirKeyword use as template allow deny assert in between where and or not on
syntax keyword weirKind zone conduit network gateway cluster workload class device external role group protocol
syntax keyword weirKind core radio slice instance import policy exception interface operation argument route
syntax keyword weirConstant true false any internet index
syntax match weirComment "//.*$" contains=@Spell
syntax match weirDoc "//[/!].*$" contains=@Spell
syntax region weirString start=+"+ skip=+\\.+ end=+"+ oneline contains=weirHole
syntax match weirHole "{[^{}"]*}" contained
syntax match weirNumber "\<\d[0-9A-Za-z_.:/]*"
syntax match weirOperator "<->\|->\|\~>\|[|&=<>!]\+"

highlight default link weirKeyword Keyword
highlight default link weirKind Structure
highlight default link weirConstant Constant
highlight default link weirComment Comment
highlight default link weirDoc SpecialComment
highlight default link weirString String
highlight default link weirHole Special
highlight default link weirNumber Number
highlight default link weirOperator Operator

let b:current_syntax = 'weir'
