import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import software.amazon.smithy.model.Model;
import software.amazon.smithy.model.loader.ModelAssembler;
import software.amazon.smithy.model.node.Node;
import software.amazon.smithy.model.shapes.ModelSerializer;
import software.amazon.smithy.model.transform.ModelTransformer;

/** Writes all Smithy models on the class path as one JSON AST: SmithyToJson FILE. */
public final class SmithyToJson {
    public static void main(String[] arguments) throws IOException {
        ClassLoader loader = SmithyToJson.class.getClassLoader();
        // Validation is for authors of models; only the shapes and traits count here.
        Model model = Model.assembler(loader)
                .discoverModels(loader)
                .putProperty(ModelAssembler.ALLOW_UNKNOWN_TRAITS, true)
                .disableValidation()
                .assemble()
                .getResult()
                .orElseThrow();
        model = ModelTransformer.create().flattenAndRemoveMixins(model);
        Node ast = ModelSerializer.builder().build().serialize(model);
        Files.write(Path.of(arguments[0]), Node.printJson(ast).getBytes(StandardCharsets.UTF_8));
    }
}
