/* Runs a signature of one string input and one string output on a file.

   Usage: run_saved_model DIRECTORY INPUT OUTPUT INDEX FILE RESULT
   INPUT and OUTPUT are the operations of the signature's tensors, INDEX the
   place of the output. What a server in C or C++ does; no Python anywhere. */

#include <stdio.h>
#include <stdlib.h>
#include <tensorflow/c/c_api.h>

static void check(int ok, const char* what) {
  if (!ok) {
    fprintf(stderr, "%s\n", what);
    exit(1);
  }
}

static void check_status(const TF_Status* status) {
  check(TF_GetCode(status) == TF_OK, TF_Message(status));
}

static void no_op(void* data, size_t size, void* arg) {}

/* A string tensor of shape [1]. */
static TF_Tensor* read_file(const char* path, TF_TString* string) {
  FILE* file = fopen(path, "rb");
  check(file != NULL, "cannot open the file");
  fseek(file, 0, SEEK_END);
  size_t size = ftell(file);
  rewind(file);
  char* bytes = malloc(size + 1);
  check(fread(bytes, 1, size, file) == size, "cannot read the file");
  fclose(file);
  TF_StringInit(string);
  TF_StringCopy(string, bytes, size);
  free(bytes);
  const int64_t shape[] = {1};
  return TF_NewTensor(TF_STRING, shape, 1, string, sizeof(TF_TString), no_op,
                      NULL);
}

int main(int argc, char** argv) {
  check(argc == 7, "six arguments are needed");
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(
      options, NULL, argv[1], tags, 1, graph, NULL, status);
  check_status(status);
  TF_Output input = {TF_GraphOperationByName(graph, argv[2]), 0};
  TF_Output output = {TF_GraphOperationByName(graph, argv[3]), atoi(argv[4])};
  check(input.oper != NULL && output.oper != NULL, "no such operation");

  TF_TString string;
  TF_Tensor* file = read_file(argv[5], &string);
  TF_Tensor* result = NULL;
  TF_SessionRun(session, NULL, &input, &file, 1, &output, &result, 1, NULL, 0,
                NULL, status);
  check_status(status);
  check(TF_TensorType(result) == TF_STRING && TF_TensorElementCount(result) == 1,
        "the output is not one string");
  const TF_TString* bytes = TF_TensorData(result);
  FILE* written = fopen(argv[6], "wb");
  check(written != NULL, "cannot write the result");
  size_t size = TF_StringGetSize(bytes);
  check(fwrite(TF_StringGetDataPointer(bytes), 1, size, written) == size &&
            fclose(written) == 0,
        "cannot write the result");
  return 0;
}
