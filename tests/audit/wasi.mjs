// tests/audit/wasi.mjs - runs a program for WebAssembly (WASI) that sees one folder and nothing
// else of the machine: no network, no environment, no other program.
//
//	node --no-warnings wasi.mjs PROGRAM.wasm FOLDER [ARGUMENT...]
//
// The program sees FOLDER as "/"; it ends with the program's exit code.
import { readFile } from 'node:fs/promises'
import { WASI } from 'node:wasi'

const [program, folder, ...words] = process.argv.slice(2)
const wasi = new WASI({
  version: 'preview1', args: ['sotay-verify', ...words], env: {}, preopens: { '/': folder },
  returnOnExit: true,
})
const { instance } = await WebAssembly.instantiate(await readFile(program), wasi.getImportObject())
process.exitCode = wasi.start(instance)
