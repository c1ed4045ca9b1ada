" Weir policies.
autocmd BufRead,BufNewFile *.weir setfiletype weir
