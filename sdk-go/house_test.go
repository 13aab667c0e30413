package nexus

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mostLines = 600

// sources returns the paths of the Go files of this module, in folders that are handed out.
func sources(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".go" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	return paths
}

func TestFilesAreShortEnoughToRead(t *testing.T) {
	for _, path := range sources(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		generated := bytes.HasPrefix(text, []byte("// Code generated "))
		if lines := bytes.Count(text, []byte("\n")); !generated && lines > mostLines {
			t.Errorf("%s has %d lines", path, lines)
		}
	}
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	for _, folder := range []string{".", "protocol"} {
		files := token.NewFileSet()
		var parsed []*ast.File
		for _, path := range sources(t) {
			if filepath.Dir(path) != folder || strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, file)
		}
		described, err := doc.NewFromFiles(files, parsed, "example.org/"+folder)
		if err != nil {
			t.Fatal(err)
		}
		missing := func(name, text string) {
			if ast.IsExported(name[strings.LastIndex(name, ".")+1:]) && strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s has no documentation", folder, name)
			}
		}
		missing("Package", described.Doc)
		for _, function := range described.Funcs {
			missing(function.Name, function.Doc)
		}
		for _, value := range append(described.Vars, described.Consts...) {
			for _, spec := range value.Decl.Specs {
				names := spec.(*ast.ValueSpec)
				missing(names.Names[0].Name, value.Doc+names.Doc.Text()+names.Comment.Text())
			}
		}
		for _, kind := range described.Types {
			missing(kind.Name, kind.Doc)
			for _, function := range append(kind.Funcs, kind.Methods...) {
				if !wellKnown[function.Name] {
					missing(function.Name, function.Doc)
				}
			}
			checkFields(files, kind, missing)
		}
	}
}

// wellKnown holds methods that every reader of Go knows.
var wellKnown = map[string]bool{"Error": true, "Unwrap": true}

// checkFields looks at the fields of a struct. Those on lines without a gap share the comment above the first of them.
func checkFields(files *token.FileSet, kind *doc.Type, missing func(name, text string)) {
	structure, ok := kind.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
	if !ok || !ast.IsExported(kind.Name) {
		return
	}
	shared, line := "", 0
	for _, field := range structure.Fields.List {
		text := field.Doc.Text() + field.Comment.Text()
		if text == "" && files.Position(field.Pos()).Line == line+1 {
			text = shared
		}
		shared, line = text, files.Position(field.End()).Line
		for _, own := range field.Names {
			missing(kind.Name+"."+own.Name, text)
		}
	}
}

func TestThereIsOneDependency(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var required []string
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "require "); ok {
			required = append(required, strings.Fields(rest)[0])
		}
	}
	if len(required) != 1 || required[0] != "github.com/coder/websocket" || strings.Contains(string(text), "(") {
		t.Errorf("the module requires %q", required)
	}
}
