-- Weir in Neovim 0.7 and later: `require('weir').setup()` in init.lua starts `weir lsp` for every package.
local M = {}

M.options = {
  cmd = { 'weir', 'lsp' },
  settings = {},
  format_on_save = false,
  on_attach = nil,
  -- what opens the graph: takes a path
  show = nil,
}

-- Clients by package folder: one server for each.
local clients = {}

-- The folder around a file that has a manifest; the file's own, if there is none.
local function root_of(path)
  local folder = vim.fn.fnamemodify(path, ':p:h')
  local manifest = vim.fn.findfile('weir.toml', folder .. ';')
  if manifest ~= '' then
    return vim.fn.fnamemodify(manifest, ':p:h')
  end
  return folder
end

local function attach(buffer)
  local name = vim.api.nvim_buf_get_name(buffer)
  if name == '' or vim.bo[buffer].buftype ~= '' then
    return
  end
  local root = root_of(name)
  local id = clients[root]
  if not id or not vim.lsp.get_client_by_id(id) then
    id = vim.lsp.start_client({
      name = 'weir',
      cmd = M.options.cmd,
      root_dir = root,
      workspace_folders = { { uri = vim.uri_from_fname(root), name = root } },
      init_options = M.options.settings,
      on_attach = M.options.on_attach,
      on_exit = function()
        clients[root] = nil
      end,
    })
    clients[root] = id
  end
  if id then
    vim.lsp.buf_attach_client(buffer, id)
  end
end

-- The client of a buffer.
function M.client(buffer)
  for id, client in pairs(vim.lsp.buf_get_clients(buffer or 0)) do
    if client.name == 'weir' then
      return client, id
    end
  end
end

-- Runs a command of the server about the place of the cursor.
local function ask(command, handler)
  local client = M.client(0)
  if not client then
    return vim.notify('weir: no server is attached to this buffer', vim.log.levels.WARN)
  end
  local place = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local params = { command = command, arguments = { place.textDocument.uri, place.position } }
  client.request('workspace/executeCommand', params, function(err, result)
    if err then
      return vim.notify('weir: ' .. err.message, vim.log.levels.ERROR)
    end
    handler(result)
  end, 0)
end

-- What the rule under the cursor comes to, in a floating window.
function M.explain()
  ask('weir.explainFlow', function(text)
    if not text then
      return vim.notify('weir: there is no rule here, or the package was not analyzed yet')
    end
    vim.lsp.util.open_floating_preview(vim.split(text, '\n'), 'markdown', { border = 'rounded' })
  end)
end

-- The artifacts of the rule, gateway or cluster under the cursor.
function M.artifacts()
  ask('weir.artifacts', function(found)
    if not found or #found == 0 then
      return vim.notify('weir: no artifact carries what is here')
    end
    vim.ui.select(found, {
      prompt = 'Artifact',
      format_item = function(one)
        return one.path
      end,
    }, function(one)
      if one then
        vim.cmd('edit ' .. vim.fn.fnameescape(vim.uri_to_fname(one.uri)))
        vim.bo.readonly = true
        if one.lines[1] then
          vim.api.nvim_win_set_cursor(0, { one.lines[1] + 1, 0 })
        end
      end
    end)
  end)
end

-- Opens a file outside of Neovim; says where it is, if there is nothing to open it with.
local function show(path)
  for _, opener in ipairs({ 'xdg-open', 'open', 'wslview' }) do
    if vim.fn.executable(opener) == 1 then
      return vim.fn.jobstart({ opener, path }, { detach = true })
    end
  end
  vim.notify('weir: the graph is in ' .. path)
end

-- The plant as a picture, in the browser.
function M.graph()
  ask('weir.graph', function(drawn)
    if type(drawn) ~= 'table' then
      return vim.notify('weir: the package cannot be drawn before its errors are gone')
    end
    local path = vim.fn.tempname() .. '.html'
    vim.fn.writefile(vim.split(drawn.page, '\n'), path);
    (M.options.show or show)(path)
  end)
end

function M.setup(options)
  M.options = vim.tbl_extend('force', M.options, options or {})
  local group = vim.api.nvim_create_augroup('weir', { clear = true })
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    pattern = 'weir',
    callback = function(event)
      vim.bo[event.buf].commentstring = '// %s'
      attach(event.buf)
    end,
  })
  if M.options.format_on_save then
    vim.api.nvim_create_autocmd('BufWritePre', {
      group = group,
      pattern = '*.weir',
      callback = function(event)
        local client = M.client(event.buf)
        if not client then
          return
        end
        local params = vim.lsp.util.make_formatting_params({})
        local answer = client.request_sync('textDocument/formatting', params, 2000, event.buf)
        if answer and answer.result then
          vim.lsp.util.apply_text_edits(answer.result, event.buf, client.offset_encoding)
        end
      end,
    })
  end
  vim.api.nvim_create_user_command('WeirExplain', M.explain, { desc = 'Explain the rule under the cursor' })
  vim.api.nvim_create_user_command('WeirArtifacts', M.artifacts, { desc = 'Open what the rule becomes' })
  vim.api.nvim_create_user_command('WeirGraph', M.graph, { desc = 'Show the plant as a picture' })
  -- buffers that were there before
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].filetype == 'weir' then
      attach(buffer)
    end
  end
end

return M
