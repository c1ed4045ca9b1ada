-- A session in a real Neovim, headless, over the flagship package: run by cli/tests/neovim.rs.
-- WEIR is the command, WEIR_PACKAGE a copy of the package that may be changed.
local passed, failed = 0, 0
local function check(ok, what)
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
  end
  io.stdout:write((ok and 'ok    ' or 'FAIL  ') .. what .. '\n')
  return ok
end

local package = vim.env.WEIR_PACKAGE
local LONG, SHORT = 60000, 20000

-- the plugin, as a user has it
vim.opt.runtimepath:append(vim.env.WEIR_PLUGIN)
vim.cmd('filetype plugin on')
vim.cmd('syntax on')
local shown
require('weir').setup({
  cmd = { vim.env.WEIR, 'lsp' },
  format_on_save = true,
  show = function(path)
    shown = path
  end,
})

local function edit(path)
  vim.cmd('edit ' .. vim.fn.fnameescape(package .. '/' .. path))
  return vim.api.nvim_get_current_buf()
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
end

-- Puts the cursor on the n-th character of a pattern; the LSP position of it.
local function at(pattern, into)
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  local line = vim.fn.search('\\V' .. pattern, 'cw')
  assert(line > 0, 'no ' .. pattern)
  local column = vim.fn.col('.') - 1 + (into or 0)
  vim.api.nvim_win_set_cursor(0, { line, column })
  return vim.lsp.util.make_position_params(0)
end

local buffer = edit('policies/vibration.weir')
check(vim.bo[buffer].filetype == 'weir', 'the file type is found')
local client
check(vim.wait(SHORT, function()
  client = require('weir').client(buffer)
  return client ~= nil and client.initialized == true
end, 20), 'handshake')

local function request(method, params)
  local answer, err = client.request_sync(method, params, SHORT, vim.api.nvim_get_current_buf())
  if not answer then
    io.stdout:write('      ' .. method .. ': ' .. tostring(err) .. '\n')
    return nil
  end
  if answer.err then
    io.stdout:write('      ' .. method .. ': ' .. vim.inspect(answer.err) .. '\n')
  end
  return answer.result
end

-- hover, with what the whole package says
local hover = ''
check(vim.wait(LONG, function()
  local found = request('textDocument/hover', at('-> broker', 4))
  hover = found and found.contents.value or ''
  return hover:find('May be reached by', 1, true) ~= nil
end, 200), 'hover says who may reach the broker')
check(hover:find('workload broker in edge1', 1, true) ~= nil, 'hover shows the declaration')

-- jump into another file, by the editor's own command
at('-> broker', 4)
vim.lsp.buf.definition()
check(vim.wait(SHORT, function()
  return vim.api.nvim_buf_get_name(0):find('edge.weir', 1, true) ~= nil
end, 20), 'definition jumps to edge.weir')
check(vim.api.nvim_get_current_line():find('workload broker', 1, true) ~= nil, 'and to the line of the workload')

-- jump into the standard library
at('serves = [mqtts', 10)
vim.lsp.buf.definition()
check(vim.wait(SHORT, function()
  return vim.api.nvim_buf_get_name(0):find('messaging.weir', 1, true) ~= nil
end, 20), 'definition opens the standard library')
check(vim.api.nvim_get_current_line():find('protocol mqtts', 1, true) ~= nil, 'at the protocol')

-- a mistake by real keys, and what is said about it
buffer = edit('policies/vibration.weir')
local before = text(buffer)
vim.cmd('normal! Go')
vim.cmd('normal! oallow voter -> trip_pcl : modbus.write(coils 100..103)')
local message
check(vim.wait(LONG, function()
  for _, one in ipairs(vim.diagnostic.get(buffer)) do
    if one.message:find('trip_pcl', 1, true) then
      message = one
      return true
    end
  end
end, 50), 'a name that does not exist is an error')
check(message and message.message:find('did you mean `trip_plc`', 1, true) ~= nil, 'with a suggestion')
check(message and message.code == 'E0202' or (message and message.user_data and message.user_data.lsp.code == 'E0202'), 'and its code')

-- the fix, as a code action
local params = vim.lsp.util.make_range_params()
params.context = { diagnostics = {} }
local line = vim.fn.line('$') - 1
params.range = { start = { line = line, character = 0 }, ['end'] = { line = line, character = 60 } }
local fix
for _, action in ipairs(request('textDocument/codeAction', params) or {}) do
  if action.title:find('trip_plc', 1, true) then
    fix = action
  end
end
check(fix ~= nil, 'the fix is offered')
if fix then
  vim.lsp.util.apply_workspace_edit(fix.edit, client.offset_encoding)
end
check(text(buffer):find('voter %-> trip_plc : modbus.write') ~= nil, 'and applied')
vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(before, '\n'))
check(vim.wait(LONG, function()
  for _, one in ipairs(vim.diagnostic.get(buffer)) do
    if one.severity == vim.diagnostic.severity.ERROR then
      return false
    end
  end
  return true
end, 50), 'without the line there is no error')

-- completion, after real typing
vim.cmd('normal! Goallow vo')
local items = request('textDocument/completion', vim.lsp.util.make_position_params(0)) or {}
local labels = {}
for _, item in ipairs(items.items or items) do
  labels[item.label] = item
end
check(labels['voter'] ~= nil, 'completion knows the plant: voter')
vim.cmd('normal! u')
vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(before, '\n'))

-- rename over files, by the editor's own command
at('-> broker', 4)
vim.lsp.buf.rename('message_broker')
check(vim.wait(SHORT, function()
  return text(buffer):find('-> message_broker', 1, true) ~= nil
end, 50), 'rename changes this file')
local edge = vim.fn.bufnr(package .. '/edge.weir')
check(edge > 0 and text(edge):find('workload message_broker in edge1', 1, true) ~= nil, 'and the declaration in edge.weir')
check(vim.wait(LONG, function()
  return #vim.diagnostic.get(nil, { severity = vim.diagnostic.severity.ERROR }) == 0
end, 50), 'the renamed package has no errors')

-- format on save
local last = vim.api.nvim_buf_line_count(buffer)
vim.api.nvim_buf_set_lines(buffer, last, last, false, { '', 'policy   spare{owner="a@b.example"}' })
vim.cmd('silent write')
check(text(buffer):find('policy spare { owner = "a@b.example" }', 1, true) ~= nil, 'saving formats')

-- who may reach the broker
local calls = {}
vim.wait(LONG, function()
  local prepared = request('textDocument/prepareCallHierarchy', at('-> message_broker', 4))
  calls = prepared and prepared[1] and request('callHierarchy/incomingCalls', { item = prepared[1] }) or {}
  return #calls > 0
end, 100)
check(#calls > 0, 'incoming calls: who may reach it')

-- the commands
local explained
vim.cmd('normal! gg')
at('allow', 1)
vim.lsp.util.open_floating_preview = function(lines)
  explained = table.concat(lines, '\n')
end
vim.cmd('WeirExplain')
check(vim.wait(SHORT, function()
  return explained ~= nil and explained:find('permits', 1, true) ~= nil
end, 50), ':WeirExplain explains the rule')

vim.cmd('WeirGraph')
check(vim.wait(LONG, function()
  return shown ~= nil
end, 50), ':WeirGraph draws')
check(shown and table.concat(vim.fn.readfile(shown), '\n'):find('trip_plc', 1, true) ~= nil, 'the plant')

client.stop()
check(vim.wait(SHORT, function()
  return client.is_stopped()
end, 20), 'the server ends in order')
io.stdout:write(passed .. ' passed, ' .. failed .. ' failed\n')
vim.cmd(failed == 0 and 'qall!' or 'cquit 1')
